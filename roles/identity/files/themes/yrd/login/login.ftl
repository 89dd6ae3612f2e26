<#-- The broker has provinces and no accounts of its own; a home realm has accounts and no other provinces. -->
<#import "template.ftl" as layout>
<#assign provinces = (social.providers)![]>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError('username','password'); section>
<#if section = "header">
<#if provinces?has_content>${msg("yrdChoose")}<#else>${msg("yrdLogin")}</#if>
<#elseif section = "form">
<#if provinces?has_content>
<p class="lead">${msg("yrdChooseWhy")}</p>
<ul class="homes" id="kc-social-providers">
<#list provinces as p>
<li><a class="home" id="social-${p.alias}" href="${p.loginUrl}">${p.displayName!p.alias}</a></li>
</#list>
</ul>
<#elseif realm.password>
<p class="lead">${msg("yrdLoginWhy", (realm.displayName!realm.name))}</p>
<form id="kc-form-login" action="${url.loginAction}" method="post">
<#if messagesPerField.existsError('username','password')>
<div class="alert error" role="alert" id="input-error"><@layout.both text=messagesPerField.getFirstError('username','password')/></div>
</#if>
<#if !usernameHidden??>
<div class="group"><label class="label" for="username">${msg("yrdAccount")}</label>
<input class="input" id="username" name="username" type="text" value="${(login.username!'')}" autofocus autocomplete="username" dir="ltr"
<#if messagesPerField.existsError('username','password')>aria-invalid="true" aria-describedby="input-error"</#if>></div>
</#if>
<div class="group"><label class="label" for="password">${msg("password")}</label>
<input class="input" id="password" name="password" type="password" autocomplete="current-password" <#if usernameHidden??>autofocus</#if>
<#if messagesPerField.existsError('username','password')>aria-invalid="true" aria-describedby="input-error"</#if>></div>
<input type="hidden" id="id-hidden-input" name="credentialId" <#if auth.selectedCredential?has_content>value="${auth.selectedCredential}"</#if>>
<div class="buttons"><button class="button" name="login" id="kc-login" value="login">${msg("doLogIn")}</button>
<#if realm.resetPasswordAllowed><a href="${url.loginResetCredentialsUrl}">${msg("doForgotPassword")}</a></#if></div>
</form>
</#if>
</#if>
</@layout.registrationLayout>
